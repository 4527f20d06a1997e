"""Every photo ever received, asked whether it shows the same picture: search by PDQ.

Hashes come as rows of `photo_hashes`, which are the truth. The clock packs them: a
thousand into a *block*, one row that is read and compared at once; runs of blocks into
*segments*, whose lists are looked up by sixteen bits. Neither ever changes, so that a
process may keep them in memory (`workers.seen.memory`) and can't be out of date. What is
in no block yet is read row by row: a row that was committed late is such a one, whatever
its id. Every way finds every hash within 31 bits (`workers.seen.bands` says why).
"""
