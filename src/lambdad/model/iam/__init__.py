"""The nouns of IAM. They belong to an account, whatever the region: the region of their keys is
empty.

Names are one name in upper and lower case: what lives in a key is the lower case.
"""
