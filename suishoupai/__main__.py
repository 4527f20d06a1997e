"""The program's entry: `suishoupai …` or `python -m suishoupai …`."""

from suishoupai.commands import cli


def main() -> None:
    """Run the command line."""
    cli(prog_name="suishoupai")


if __name__ == "__main__":
    main()
