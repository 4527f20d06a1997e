"""Ground floor: the shapes everyone agrees on. Knows no Flask, no RQ and no Pillow."""
