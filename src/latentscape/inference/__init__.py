"""What a trained model gives: codes, reconstructions, samples, walks."""
