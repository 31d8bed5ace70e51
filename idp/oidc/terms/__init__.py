"""What is granted beside the scope: resource servers (RFC 8707) and authorization details (RFC 9396).

Asked for at the authorization endpoint, narrowed at the token endpoint, never widened.
"""
