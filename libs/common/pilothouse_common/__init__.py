"""What the services share. Layers: runtime, then store and broker, then contract, then errors."""
