"""How the packaged model is taught about failures; not part of the service."""
