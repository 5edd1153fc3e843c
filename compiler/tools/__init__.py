"""The external tools: found, versioned and run in one place."""
