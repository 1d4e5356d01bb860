package com.amazonaws.services.lambda.runtime.events;

import java.util.Date;
import java.util.List;

/** Shaped like AWS's own events: names differ from those in JSON, and times are seconds. */
public class Note {
    private String eventSourceArn;
    private String detailType;
    private Date arrival;
    private List<Part> parts;

    public String getEventSourceArn() {
        return eventSourceArn;
    }

    public void setEventSourceArn(String eventSourceArn) {
        this.eventSourceArn = eventSourceArn;
    }

    public String getDetailType() {
        return detailType;
    }

    public void setDetailType(String detailType) {
        this.detailType = detailType;
    }

    public Date getArrival() {
        return arrival;
    }

    public void setArrival(Date arrival) {
        this.arrival = arrival;
    }

    public List<Part> getParts() {
        return parts;
    }

    public void setParts(List<Part> parts) {
        this.parts = parts;
    }

    /** Made by its constructor alone. */
    public static class Part {
        private final String key;
        private final long size;

        public Part(String key, long size) {
            this.key = key;
            this.size = size;
        }

        public String getKey() {
            return key;
        }

        public long getSize() {
            return size;
        }
    }
}
