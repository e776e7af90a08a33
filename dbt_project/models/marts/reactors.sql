{{ ranked_participants('reactions_given', 'reactions') }}
