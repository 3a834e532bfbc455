"""`python -m nait_widgets` is the command line."""

import sys

from nait_widgets.cli import main

sys.exit(main())
