// Package net holds stories of hosts that are far: the whole binary in network
// namespaces of its own, with links that are cut, address translation and a
// real proxy (tinyproxy) in between.
//
// It owns no code that is shipped. The stories need root, ip, nft and tinyproxy;
// where one of them is missing they are skipped and say so. There are four
// places:
//
//	manager  192.168.213.2, called manager.example
//	near     192.168.215.2, in the next network
//	far      192.168.214.2, behind the router; "route" says what it can reach
//	router   between them
//
// They are written in testscript's language with these words more:
//
//	at PLACE COMMAND…           run a command there that must end with 0
//	exits N PLACE COMMAND…      run one that must end with exit code N
//	start PLACE NAME COMMAND…   start one in the background, wait until it says something
//	end NAME, kill9 NAME        end it, as Ctrl-C does or as a crash does
//	until PATTERN PLACE COMMAND…  run one again and again until its output fits
//	cut PLACE, mend PLACE       take the place off the network, put it back
//	route nat|proxy|none        what is between far and the manager: address
//	                            translation; only a proxy at router:3128; nothing
//	keep NAME PATTERN           set $NAME to the last thing in stdout that fits
//
// Each place has a home, a data directory and a configuration of its own.
package net
