"""What users prove themselves by: enrolment, policies, seals, and which credential guards which."""
