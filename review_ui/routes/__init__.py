"""The routes of the inspectors' room: each view validates, calls and presents."""
