"""The server behind `tryon serve`: an HTTP front that decodes nothing, and one model process behind a bounded queue.

    client -> front (`app`, asyncio) -> model process (`worker`) -> decoder process (`decoder`, with resource limits)

Pictures travel as bytes over pipes and stay in memory; none is written to disk.
"""
