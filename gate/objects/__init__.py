"""Object services (S3): one signed request, one bounded answer. What an answer means is for others to say."""
