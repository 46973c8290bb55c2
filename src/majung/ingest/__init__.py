"""The inlet: an HTTP server for the messenger's and the dealers' webhooks, outside Django, and the folder behind it. F1, M9.

Every answer 200 follows a durable commit to ``channels.inbox``, in which many calls share a row; nothing is decided before.
``folder`` turns the rows into friendships, refusals, activities, outcomes and baskets to look at, about a second later.
"""
