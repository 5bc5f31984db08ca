<?php

$lang['taken'] = 'Dieses Wiki hat schon einen früheren Benutzer „%s“: Sie sind hier nicht angemeldet. Bitten Sie die Verwaltung des Wikis, den Namen mit Ihrem Konto zu verbinden.';
