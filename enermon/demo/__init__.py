"""A sample province on this machine: invented enterprises, synthetic load, real stations."""
