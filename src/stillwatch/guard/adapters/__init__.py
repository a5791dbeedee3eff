"""How gateways ask: one module each, from what a gateway sends to an `Ask`, and back."""
