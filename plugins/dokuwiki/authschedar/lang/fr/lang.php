<?php

$lang['taken'] = 'Ce wiki a déjà un utilisateur « %s » d’avant : vous n’êtes pas connecté ici. Demandez à qui tient le wiki de relier ce nom à votre compte.';
