"""Kubernetes: pods and jobs that failed become failures, as the cluster's own API tells of them."""
