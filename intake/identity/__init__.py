"""Who the rider is: signing in, registration, devices, consents, stations, and what is suspicious.

A sub-room of its own, since it holds nearly all that the door knows of persons: what
reads or writes a phone number, a profile or a session stands here, in `riders` or in
`erasure`, and nowhere else.
"""
