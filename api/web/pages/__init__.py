"""The pages, one module each, named in `api.web.app`.

A module has `router` (paths are relative to `/ui`), and `NAV` where the navigation leads to it.
"""
