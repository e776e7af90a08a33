{{ ranked_participants('messages + replies', 'messages') }}
