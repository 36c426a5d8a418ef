"""`python -m api`: the same as `seenbefore`."""

from api.cli import main

if __name__ == "__main__":
    main()
