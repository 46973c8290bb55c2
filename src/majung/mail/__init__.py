"""What comes back of e-mail: returned letters are read, and addresses at which nobody is are not written to again (M10)."""
