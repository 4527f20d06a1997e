"""Uploads that can be resumed in the middle of a photo: the server side of tus 1.0.0.

`protocol` reads and writes the headers, `ledger` keeps the rows, `staging` the bytes,
`receiving` brings both together, `using` gives finished uploads to a report, `expiry` clears away.
"""
