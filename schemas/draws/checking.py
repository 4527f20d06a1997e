"""What to type to do a draw again with nothing but a shell and `sha256sum`."""


def commands(*, seed: str, public_value: str, size: int, file: str) -> str:
    """Return shell commands (POSIX) that print the list's hash, the seed's, and what is drawn.

    `file` is the list as it is offered for download. The seed and the public value hold
    nothing that a shell takes for something else (schemas.draws.keeping).
    """
    return f"""\
export LC_ALL=C
sha256sum {file}
printf %s {seed} | sha256sum
while IFS= read -r ticket; do
  hash=$(printf '%s|%s|%s' {seed} '{public_value}' "$ticket" | sha256sum | cut -c 1-64)
  printf '%s %s\\n' "$hash" "${{ticket#*|}}"
done < {file} | sort | cut -c 66- | awk '!seen[$0]++' | head -n {size}
"""
