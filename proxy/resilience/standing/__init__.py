"""What is remembered of each upstream for as long as the process lives: breaker, health, latency,
rate limits, places, budget. It decides about no call by itself; those who do ask it.
"""
