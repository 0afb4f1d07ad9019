"""What leaves the house: the data release with its card and Croissant metadata, the model release with its card and the store
that serves it, a merged model, and the bundle of results that another machine checks. Every release passes the licence gate of
`sources/licences.yaml`. No stage of the pipeline imports this room, so an edit here makes nothing stale.
"""
