"""Plausible populations beside the usual one: what neither the targets nor the beliefs determine."""
