"""What bytes mean: one folder per provider family, bytes in and meaning out.

Floor 1: pure. It knows no connection, no clock, no policy.
"""
