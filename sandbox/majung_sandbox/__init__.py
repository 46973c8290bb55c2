"""A simulated messenger: Solapi-style gateway, Kakao, text carrier and the phones that receive.

It imports nothing of Majung and shares no database with it; everything goes over HTTP. See sandbox/README.md.
"""
