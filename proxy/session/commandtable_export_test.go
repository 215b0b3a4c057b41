package session

// Parts lets the tests outside the package split replies.
var Parts = parts
