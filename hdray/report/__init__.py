"""What a person looks at: the page, the pictures."""
