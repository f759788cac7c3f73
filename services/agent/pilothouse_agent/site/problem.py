"""What goes wrong with something of a site's own."""


class SiteProblem(Exception):
    """Its command, file or text cannot be used; the message says why and what to do."""
