"""The playground: the real engine in the browser."""
