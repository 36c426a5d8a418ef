"""What `seenbefore doctor` looks at. A check is made, not raised: it says how something is and how to mend it."""
