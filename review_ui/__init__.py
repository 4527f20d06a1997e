"""The inspectors' room: queue, case and casework."""
