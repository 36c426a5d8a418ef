"""Chat: Slack and Mattermost ask, are answered and told, and what people say there is written back."""
