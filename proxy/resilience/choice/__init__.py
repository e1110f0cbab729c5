"""Who is asked, in which order or at once, and who answers where nobody can.

Every strategy goes the same way (`walk`); they differ in who is first, and in who runs beside whom.
"""
