"""Adapters to dealer gateways, plain: no Django, no clock, no network, no database. Serves M10.

An adapter translates between our words and one wire format; ``delivery`` and ``channels.dealer`` do the network.
``registry.adapter(code)`` finds the class; ``limits`` judges a message when it is written.
"""
