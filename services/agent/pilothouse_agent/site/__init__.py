"""A site's own commands, files and Python collectors. Imported only when a setting asks for it."""
