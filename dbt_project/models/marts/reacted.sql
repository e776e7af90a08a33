{{ ranked_participants('reactions_received', 'reactions') }}
