// Package settings finds the settings of the server, and what is wrong with them. Flags on the command line take
// precedence over the environment, and the environment over the file of --config.
//
//	command line --------+
//	environment          |
//	     |               v
//	     +---> Loader -> kong -> Options of the packages -> Check -> Problems, told together
//	     |                                              -> Plan  -> what they do, in words
//	file of --config
//
// Each package of the server has its flags in a struct named Options. Method Check of the struct adds what is
// wrong to Problems, and method Plan describes for check-config what the server will do. This package has what
// they need for it, and no flags of its own.
package settings
