"""The live loop: builds the View, asks the policy, does what it decided, meters, and writes it all down."""
