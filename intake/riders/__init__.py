"""The register of riders: who they are, lying sealed; lists of them; and how they are forgotten."""
