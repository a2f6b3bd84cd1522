"""Inspection: looking into networks and their training. Nothing here changes what it looks at."""
