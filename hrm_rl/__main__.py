"""`python -m hrm_rl` is the `hrm-rl` command; so `torchrun -m -- hrm_rl train ...` starts many."""

import sys

from hrm_rl.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
