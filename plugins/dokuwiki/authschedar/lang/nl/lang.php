<?php

$lang['taken'] = 'Deze wiki heeft al een vroegere gebruiker “%s”: u bent hier niet aangemeld. Vraag de beheerder van de wiki om die naam aan uw account te koppelen.';
