"""The words of daypass: plain values that every floor speaks. Standard library only, no behaviour beyond reading and showing."""
