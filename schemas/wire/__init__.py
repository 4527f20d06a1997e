"""What crosses HTTP: Pydantic models of requests and answers, and the OpenAPI document."""
